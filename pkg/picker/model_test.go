package picker

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

var keys = map[string]tea.KeyPressMsg{
	"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown},
	"pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown}, "home": {Code: tea.KeyHome},
	"end":       {Code: tea.KeyEnd},
	"backspace": {Code: tea.KeyBackspace},
	"ctrl+c":    {Code: 'c', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl},
}

// press sends keys by their name, and any other text letter by letter.
func press(m tea.Model, pressed ...string) model {
	for _, p := range pressed {
		if k, ok := keys[p]; ok {
			m, _ = m.Update(k)
			continue
		}
		for _, r := range p {
			m, _ = m.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	return m.(model)
}

func three() List {
	return List{Title: "Select a key.", Faint: func(s string) string { return "(" + s + ")" }, Lines: []Line{
		{Text: "  alias/good  1111", Search: "arn:good"},
		{Text: "  alias/Better  2222", Search: "arn:better"},
		{Text: "x alias/bad: it is disabled", Search: "arn:bad", Why: "it is disabled"},
	}}
}

func TestChoosing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		keys  []string
		state state
		index int    // of the item under the cursor; -1 if no item matches
		shows string // somewhere in the view
	}{
		{"first item", []string{"enter"}, selected, 0, ""},
		{"down", []string{"down", "enter"}, selected, 1, ""},
		{"stops at the last item", []string{"down", "down", "down", "down"}, choosing, 2, "3 of 3"},
		{"stops at the first item", []string{"up"}, choosing, 0, "1 of 3"},
		{"end and home", []string{"end", "home"}, choosing, 0, ">   alias/good"},
		{"ineligible item is greyed", nil, choosing, 0, "(  x alias/bad"},
		{"ineligible item", []string{"end", "enter"}, choosing, 2, "Not eligible: it is disabled"},
		{"next key clears the message", []string{"end", "enter", "up"}, choosing, 1, "2 of 3"},
		{"filter", []string{"/good", "enter"}, selected, 0, ""},
		{"filter ignores case", []string{"bETTER", "enter"}, selected, 1, ""},
		{"filter searches hidden text", []string{"arn:better", "enter"}, selected, 1, ""},
		{"filter with letters that move in other lists", []string{"g"}, choosing, 0, "Filter: g_"},
		{"no match", []string{"none", "enter"}, choosing, -1, "None of 3 matches"},
		{"backspace", []string{"goodx", "backspace", "enter"}, selected, 0, ""},
		{"backspace without a filter", []string{"backspace"}, choosing, 0, "1 of 3"},
		{"backspace to the whole list", []string{"b", "backspace", "down", "enter"}, selected, 1, ""},
		{"esc clears the filter", []string{"none", "esc", "enter"}, selected, 0, ""},
		{"ctrl+u clears the filter", []string{"none", "ctrl+u", "enter"}, selected, 0, ""},
		{"esc cancels", []string{"esc"}, canceled, 0, ""},
		{"ctrl+c cancels", []string{"good", "ctrl+c"}, canceled, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := press(newModel(three()), test.keys...)
			index := -1
			if it := m.current(); it != nil {
				index = it.index
			}
			if m.state != test.state || index != test.index {
				t.Errorf("state = %d, item = %d; want %d, %d", m.state, index, test.state, test.index)
			}
			view := m.View().Content
			if !strings.Contains(view, test.shows) || (m.state != choosing) != (view == "") {
				t.Errorf("view lacks %q:\n%s", test.shows, view)
			}
			if strings.Contains(view, "Not eligible") != (test.name == "ineligible item") {
				t.Errorf("unexpected or missing message:\n%s", view)
			}
		})
	}
}

// TestFilterByARN checks that the filter accepts a whole ARN, typed or pasted.
func TestFilterByARN(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	list := three()
	list.Lines[1].Search = arn
	m, _ := newModel(list).Update(tea.PasteMsg{Content: arn + "\n"})
	if m := press(m, "enter"); m.state != selected || m.current().index != 1 {
		t.Errorf("state = %d, item = %v; want item 1 selected", m.state, m.current())
	}
}

// TestFitsTheTerminal checks that the view of a long list fits every terminal and shows the cursor.
func TestFitsTheTerminal(t *testing.T) {
	t.Parallel()
	list := List{Title: strings.Repeat("Which of these? ", 9), Faint: three().Faint}
	list.Faint = func(s string) string { return s }
	for i := range 500 {
		list.Lines = append(list.Lines, Line{Text: fmt.Sprintf("key %04d 鍵 %s", i, strings.Repeat("long ", 40)),
			Why: "no"})
	}
	for _, size := range []tea.WindowSizeMsg{
		{Width: 80, Height: 24}, {Width: 30, Height: 8}, {Width: 8, Height: 5}, {Width: 0, Height: 0},
	} {
		sized, _ := newModel(list).Update(size)
		for _, pressed := range []string{"end", "enter", "pgup", "up", "home", "pgdown", "down", "1", "99", "esc"} {
			m := press(sized, pressed)
			sized = m
			lines := strings.Split(m.View().Content, "\n")
			if len(lines) > max(size.Height, 5) {
				t.Errorf("%v after %s: %d lines", size, pressed, len(lines))
			}
			cursors := 0
			for _, line := range lines {
				if strings.HasPrefix(line, ">") || size.Width < 2 {
					cursors++
				}
				if w := ansi.StringWidth(line); w >= max(size.Width, 2) {
					t.Errorf("%v after %s: %q has width %d", size, pressed, line, w)
				}
			}
			if cursors == 0 {
				t.Errorf("%v after %s: no cursor in\n%s", size, pressed, strings.Join(lines, "\n"))
			}
		}
	}
}

// TestResize checks that the cursor stays on its item when the terminal grows or shrinks.
func TestResize(t *testing.T) {
	t.Parallel()
	list := List{Title: "Select a key.", Lines: make([]Line, 40), Faint: three().Faint}
	var m tea.Model = press(newModel(list), "pgdown", "up", "up")
	for _, height := range []int{24, 7, 60, 1} {
		m, _ = m.Update(tea.WindowSizeMsg{Width: 80, Height: height})
		if got := m.(model).current().index; got != 12 {
			t.Errorf("height %d: cursor on item %d, want 12", height, got)
		}
	}
}
