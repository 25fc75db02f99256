package picker

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

var keys = map[string]tea.KeyPressMsg{
	"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown},
	"pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd},
	"backspace": {Code: tea.KeyBackspace}, "ctrl+c": {Code: 'c', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl},
}

// press feeds the keys, and the letters of what is no key.
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
	return List{Title: "Which?", Lines: []Line{
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
		index int    // of the line taken, or under the cursor; -1: none matches
		shows string // somewhere in the view
	}{
		{"the first", []string{"enter"}, taken, 0, ""},
		{"down", []string{"down", "enter"}, taken, 1, ""},
		{"no further than the last", []string{"down", "down", "down", "down"}, choosing, 2, "3 of 3"},
		{"no further than the first", []string{"up"}, choosing, 0, "1 of 3"},
		{"to the end and home", []string{"end", "home"}, choosing, 0, "> "},
		{"one that can't be taken", []string{"end", "enter"}, choosing, 2, "Not this one: it is disabled"},
		{"the message goes with the next key", []string{"end", "enter", "up"}, choosing, 1, "2 of 3"},
		{"a filter", []string{"/good", "enter"}, taken, 0, ""},
		{"a filter has no case", []string{"bETTER", "enter"}, taken, 1, ""},
		{"a filter of what is not shown", []string{"arn:better", "enter"}, taken, 1, ""},
		{"nothing matches", []string{"none", "enter"}, choosing, -1, "None of 3 matches"},
		{"backspace", []string{"goodx", "backspace", "enter"}, taken, 0, ""},
		{"backspace of nothing", []string{"backspace"}, choosing, 0, "1 of 3"},
		{"esc clears the filter", []string{"none", "esc", "enter"}, taken, 0, ""},
		{"ctrl+u does, too", []string{"none", "ctrl+u", "enter"}, taken, 0, ""},
		{"esc leaves", []string{"esc"}, left, 0, ""},
		{"ctrl+c leaves", []string{"good", "ctrl+c"}, left, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := press(newModel(three()), test.keys...)
			index := -1
			if len(m.found) > 0 {
				index = m.found[m.at]
			}
			if m.state != test.state || index != test.index {
				t.Errorf("state %d, line %d; want %d, %d", m.state, index, test.state, test.index)
			}
			view := m.View().Content
			if !strings.Contains(view, test.shows) || (m.state != choosing) != (view == "") {
				t.Errorf("shown:\n%s", view)
			}
			if strings.Contains(view, "Not this one") != (test.name == "one that can't be taken") {
				t.Errorf("a message that is not due, or is missing:\n%s", view)
			}
		})
	}
}

// However long the list and small the terminal, what is shown fits, cursor in it.
func TestFitsTheTerminal(t *testing.T) {
	t.Parallel()
	list := List{Title: strings.Repeat("Which of these? ", 9)}
	for i := range 3000 {
		list.Lines = append(list.Lines, Line{Text: fmt.Sprintf("key %04d 鍵 %s", i, strings.Repeat("long ", 40)), Why: "no"})
	}
	for _, size := range []tea.WindowSizeMsg{{Width: 80, Height: 24}, {Width: 30, Height: 8}, {Width: 8, Height: 5}, {Width: 0, Height: 0}} {
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
				if w := len([]rune(line)); w >= max(size.Width, 2) {
					t.Errorf("%v after %s: %q is too wide", size, pressed, line)
				}
			}
			if cursors == 0 {
				t.Errorf("%v after %s: the cursor is out of sight at %d from %d", size, pressed, m.at, m.top)
			}
		}
	}
}

// A terminal that grows or shrinks keeps the cursor in sight.
func TestResize(t *testing.T) {
	t.Parallel()
	list := List{Title: "Which?", Lines: make([]Line, 40)}
	var m tea.Model = press(newModel(list), "pgdown", "up", "up")
	for _, height := range []int{24, 7, 60, 1} {
		m, _ = m.Update(tea.WindowSizeMsg{Width: 80, Height: height})
		if is := m.(model); is.at != 12 || is.at < is.top || is.at >= is.top+is.rows() {
			t.Errorf("height %d: line %d, in sight %d from %d", height, is.at, is.rows(), is.top)
		}
	}
}
