package picker

import (
	"fmt"
	"io"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/list"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

const (
	// Size of the terminal until it reports its own, in cells.
	defaultWidth  = 80
	defaultHeight = 24
	// maxRows bounds the number of items on a page.
	maxRows = 14
	// otherRows is the number of rows outside the list: title, filter, footer, message.
	otherRows = 4
)

type state int

const (
	choosing state = iota
	selected
	canceled
)

// item is a Line with its index in List.Lines.
type item struct {
	Line
	index int
}

// FilterValue returns the text that the filter searches.
func (i item) FilterValue() string { return i.Text + "\n" + i.Search }

// matches reports whether the line contains the filter, regardless of case.
func (l Line) matches(filter string) bool {
	return strings.Contains(strings.ToLower(item{Line: l}.FilterValue()), strings.ToLower(filter))
}

// delegate draws an item in one row; ineligible items are greyed.
type delegate struct{ faint func(string) string }

func (delegate) Height() int                         { return 1 }
func (delegate) Spacing() int                        { return 0 }
func (delegate) Update(tea.Msg, *list.Model) tea.Cmd { return nil }

func (d delegate) Render(w io.Writer, m list.Model, index int, listItem list.Item) {
	it := listItem.(item) //nolint:forcetypeassert // newModel adds no other type
	cursor := "  "
	if index == m.Index() {
		cursor = "> "
	}
	text := truncate(cursor+it.Text, m.Width())
	if it.Why != "" {
		text = d.faint(text)
	}
	_, _ = io.WriteString(w, text)
}

// model is a list that filters while the user types. The list draws one page only.
type model struct {
	list    list.Model
	title   string
	filter  string
	message string
	state   state
}

func newModel(l List) model {
	items := make([]list.Item, len(l.Lines))
	for i, line := range l.Lines {
		items[i] = item{line, i}
	}
	m := model{list: list.New(items, delegate{l.Faint}, defaultWidth, 0), title: l.Title}
	m.list.SetShowTitle(false)
	m.list.SetShowFilter(false)
	m.list.SetShowStatusBar(false)
	m.list.SetShowPagination(false)
	m.list.SetShowHelp(false)
	m.list.SetStatusBarItemName("match", "matches")
	m.list.FilterInput.CharLimit = 0 // an ARN is longer than the default
	m.list.Filter = func(term string, targets []string) (ranks []list.Rank) {
		for i, target := range targets {
			if (Line{Text: target}).matches(term) {
				ranks = append(ranks, list.Rank{Index: i})
			}
		}
		return ranks
	}
	// Letters belong to the filter, so the list keeps the keys for moving only.
	m.list.KeyMap = list.KeyMap{
		CursorUp:   key.NewBinding(key.WithKeys("up", "ctrl+p")),
		CursorDown: key.NewBinding(key.WithKeys("down", "ctrl+n")),
		PrevPage:   key.NewBinding(key.WithKeys("pgup")),
		NextPage:   key.NewBinding(key.WithKeys("pgdown")),
		GoToStart:  key.NewBinding(key.WithKeys("home")),
		GoToEnd:    key.NewBinding(key.WithKeys("end")),
	}
	return m.resize(defaultWidth, defaultHeight)
}

// Init implements tea.Model.
func (m model) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		return m.resize(msg.Width, msg.Height), nil
	case tea.PasteMsg:
		return m.setFilter(m.filter + strings.TrimSpace(msg.Content)), nil
	case tea.KeyPressMsg:
		m = m.press(msg)
	}
	if m.state != choosing {
		return m, tea.Quit
	}
	return m, nil
}

func (m model) press(msg tea.KeyPressMsg) model {
	m.message = ""
	switch msg.String() {
	case "ctrl+c":
		m.state = canceled
	case "esc":
		if m.filter == "" {
			m.state = canceled
			return m
		}
		return m.setFilter("")
	case "enter":
		return m.enter()
	case "ctrl+u":
		return m.setFilter("")
	case "backspace":
		if runes := []rune(m.filter); len(runes) > 0 {
			return m.setFilter(string(runes[:len(runes)-1]))
		}
	default:
		if msg.Text != "" {
			return m.setFilter(m.filter + msg.Text)
		}
		m.list, _ = m.list.Update(msg)
	}
	return m
}

// enter selects the item under the cursor, or shows why it cannot be selected.
func (m model) enter() model {
	switch it := m.current(); {
	case it == nil:
	case it.Why != "":
		m.message = "Not eligible: " + it.Why
	default:
		m.state = selected
	}
	return m
}

// current returns the item under the cursor, or nil if no item matches the filter.
func (m model) current() *item {
	if it, ok := m.list.SelectedItem().(item); ok {
		return &it
	}
	return nil
}

// setFilter shows the items that contain text and moves the cursor to the first one.
func (m model) setFilter(text string) model {
	if m.filter = text; text == "" {
		m.list.ResetFilter()
		m.list.ResetSelected()
	} else {
		m.list.SetFilterText(text)
	}
	return m
}

func (m model) resize(width, height int) model {
	m.list.SetSize(width, max(min(height-otherRows, maxRows, len(m.list.Items())), 1))
	return m
}

// View implements tea.Model. It is empty at the end, so that the terminal is left clean.
func (m model) View() tea.View {
	if m.state != choosing {
		return tea.NewView("")
	}
	rows := []string{m.title, "Filter: " + m.filter + "_", m.list.View(), m.footer()}
	if m.message != "" {
		rows = append(rows, m.message)
	}
	for i := range rows {
		if i != 2 { // the delegate truncates the items
			rows[i] = truncate(rows[i], m.list.Width())
		}
	}
	return tea.NewView(strings.Join(rows, "\n"))
}

func (m model) footer() string {
	visible := len(m.list.VisibleItems())
	if visible == 0 {
		return fmt.Sprintf("None of %d matches; Esc clears the filter.", len(m.list.Items()))
	}
	return fmt.Sprintf("%d of %d · ↑/↓ move · type to filter · Enter select · Ctrl-C cancel", m.list.Index()+1, visible)
}

// truncate leaves the last column free, because some terminals wrap there.
func truncate(s string, width int) string { return ansi.Truncate(s, max(width-1, 1), "…") }
