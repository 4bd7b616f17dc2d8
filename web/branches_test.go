package web

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"testing"
	"text/template/parse"
)

// branches are the parts of the templates that some pages have and others do not:
// what stands in an if, a range or a with, or behind its else, and each template as
// a whole. They know which of them have been shown.
type branches struct {
	// views are the templates of the pages as they are, but for a note that each
	// branch makes when it is shown.
	views *template.Template
	all   []branch
	shown map[int]bool // by the number of the branch
	page  map[int]bool // those of the page that was made last
}

// branch is one of them.
type branch struct {
	where    string
	page     bool // it is a page as a whole
	elements bool // there are some in it: it is more than words, or an attribute
}

func newBranches(t *testing.T) *branches {
	t.Helper()
	b := &branches{shown: map[int]bool{}, page: map[int]bool{}}
	b.views = template.Must(template.New("").Funcs(words).Funcs(template.FuncMap{"came": b.came}).ParseFS(files, "pages/*.html"))
	for _, v := range b.views.Templates() {
		if v.Tree != nil && !parse.IsEmptyTree(v.Tree.Root) { // a file of definitions is empty by itself
			b.watch(v.Tree, v.Tree.Root, v.Name())
		}
	}
	return b
}

// came notes that a branch is shown.
func (b *branches) came(n int) bool {
	if b.all[n].page { // which each begins with
		clear(b.page)
	}
	b.page[n] = true
	return true
}

// news is what a page shows that none before it did.
type news struct {
	template bool // that of the page as a whole
	elements bool // any
}

// keep counts what the page that was made last shows as shown.
func (b *branches) keep() (first news) {
	for n := range b.page {
		if !b.shown[n] {
			first.template = first.template || b.all[n].page
			first.elements = first.elements || b.all[n].elements
		}
		b.shown[n] = true
	}
	return first
}

// watch puts the note before the nodes of a list, and into the lists within. It is
// an assignment, which writes nothing wherever it stands.
func (b *branches) watch(tree *parse.Tree, list *parse.ListNode, where string) {
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.IfNode:
			b.both(tree, &n.BranchNode, "if")
		case *parse.RangeNode:
			b.both(tree, &n.BranchNode, "range")
		case *parse.WithNode:
			b.both(tree, &n.BranchNode, "with")
		}
	}
	note, err := parse.Parse("note", fmt.Sprintf("{{$came := came %d}}", len(b.all)), "", "", template.FuncMap{"came": b.came})
	if err != nil {
		panic(err)
	}
	b.all = append(b.all, branch{where, strings.HasSuffix(where, ".html"), strings.Contains(list.String(), "<") || strings.Contains(list.String(), "{{template")})
	list.Nodes = slices.Insert(list.Nodes, 0, note["note"].Root.Nodes[0])
}

func (b *branches) both(tree *parse.Tree, n *parse.BranchNode, word string) {
	at, _ := tree.ErrorContext(n)
	where := fmt.Sprintf("%s: {{%s %s}}", at, word, n.Pipe)
	b.watch(tree, n.List, where)
	if n.ElseList != nil {
		b.watch(tree, n.ElseList, where+", its else")
	}
}

// hidden lists the branches that have not been shown.
func (b *branches) hidden() (list []string) {
	for n, one := range b.all {
		if !b.shown[n] {
			list = append(list, one.where)
		}
	}
	slices.Sort(list)
	return list
}
