package picker

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// The terminal's size until it has told its own, and the most lines of the list that
// are shown at a time.
const (
	usualWidth  = 80
	usualHeight = 24
	mostLines   = 14
	// around are the lines around the list: title, filter, count, message.
	around = 4
)

type state int

const (
	choosing state = iota
	taken
	left
)

// model is the list, what was typed to filter it, and where the cursor stands. Only
// the lines in sight are drawn, however many there are.
type model struct {
	list          List
	typed         string
	found         []int // of list.Lines, those that match what was typed
	at            int   // of found, the line under the cursor
	top           int   // of found, the first line in sight
	width, height int
	message       string
	state         state
}

func newModel(list List) model {
	if list.Faint == nil {
		list.Faint = func(s string) string { return s }
	}
	return model{list: list, width: usualWidth, height: usualHeight}.filter("")
}

// Init is of tea.Model.
func (m model) Init() tea.Cmd { return nil }

// Update is of tea.Model.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		return m.move(0), nil
	case tea.PasteMsg:
		return m.filter(m.typed + strings.TrimSpace(msg.Content)), nil
	case tea.KeyPressMsg:
		m = m.key(msg)
	}
	if m.state != choosing {
		return m, tea.Quit
	}
	return m, nil
}

func (m model) key(msg tea.KeyPressMsg) model {
	m.message = ""
	switch msg.String() {
	case "ctrl+c":
		m.state = left
	case "esc":
		if m.typed == "" {
			m.state = left
			return m
		}
		return m.filter("")
	case "enter":
		return m.take()
	case "up", "ctrl+p":
		return m.move(-1)
	case "down", "ctrl+n":
		return m.move(1)
	case "pgup":
		return m.move(-m.rows())
	case "pgdown":
		return m.move(m.rows())
	case "home":
		return m.move(-len(m.found))
	case "end":
		return m.move(len(m.found))
	case "ctrl+u":
		return m.filter("")
	case "backspace":
		if runes := []rune(m.typed); len(runes) > 0 {
			return m.filter(string(runes[:len(runes)-1]))
		}
	default:
		if msg.Text != "" {
			return m.filter(m.typed + msg.Text)
		}
	}
	return m
}

// take ends the choice with the line under the cursor, or says why that can't be.
func (m model) take() model {
	if len(m.found) == 0 {
		return m
	}
	if m.message = m.list.Lines[m.found[m.at]].Why; m.message == "" {
		m.state = taken
	}
	return m
}

// filter leaves the lines that contain what was typed, in whatever case.
func (m model) filter(typed string) model {
	m.typed, m.at, m.top, m.found = typed, 0, 0, nil
	want := strings.ToLower(typed)
	for i, line := range m.list.Lines {
		if strings.Contains(strings.ToLower(line.Text+"\n"+line.Search), want) {
			m.found = append(m.found, i)
		}
	}
	return m
}

// move moves the cursor, and what is in sight with it.
func (m model) move(by int) model {
	m.at = max(min(m.at+by, len(m.found)-1), 0)
	m.top = max(min(m.top, m.at), m.at-m.rows()+1)
	return m
}

// rows are the lines of the list that fit the terminal.
func (m model) rows() int { return max(min(m.height-around, mostLines), 1) }

// View is of tea.Model. It is empty after the choice, so that nothing is left behind.
func (m model) View() tea.View {
	if m.state != choosing {
		return tea.NewView("")
	}
	lines := []string{m.cut(m.list.Title), m.cut("Filter: " + m.typed + "_")}
	for i := m.top; i < min(m.top+m.rows(), len(m.found)); i++ {
		line, cursor := m.list.Lines[m.found[i]], "  "
		if i == m.at {
			cursor = "> "
		}
		text := m.cut(cursor + line.Text)
		if line.Why != "" {
			text = m.list.Faint(text)
		}
		lines = append(lines, text)
	}
	lines = append(lines, m.cut(m.footer()))
	if m.message != "" {
		lines = append(lines, m.cut("Not this one: "+m.message))
	}
	return tea.NewView(strings.Join(lines, "\n"))
}

func (m model) footer() string {
	switch n := len(m.list.Lines); {
	case len(m.found) == 0:
		return fmt.Sprintf("None of %d matches; Esc clears the filter.", n)
	default:
		return fmt.Sprintf("%d of %d; arrows move, typing filters, Enter takes, Ctrl-C leaves.", m.at+1, len(m.found))
	}
}

// cut keeps a line to the terminal's width but for the last column, at which some wrap.
func (m model) cut(s string) string { return ansi.Truncate(s, max(m.width-1, 1), "…") }
