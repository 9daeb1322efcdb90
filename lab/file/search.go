package file

import (
	"fmt"
	"strings"

	"septet/header"
)

// maxSearch is in how many domains a host looks, as many as a router may tell.
const maxSearch = header.MostDomains

const domainForm = "a domain like corp.example"

// readSearch reads the domains in which a host looks for short names.
func (r *reader) readSearch(h *Host, o object) {
	v, ok := o.get("search")
	if !ok {
		return
	}
	if _, ok := o.get("nameserver"); !ok {
		r.mistake(o.key("search"), "search without a nameserver", "expected nameserver too: nobody is asked for the names")
		return
	}
	for _, v := range r.oneOrMore(v, domainForm) {
		w, ok := r.text(v, domainForm)
		if !ok {
			continue
		}
		switch domain := strings.TrimSuffix(w.text, "."); {
		case !header.DomainName(domain):
			r.mistake(w.place, quote(w.text)+" is not a domain", "expected "+domainForm)
		case len(h.Search) >= maxSearch:
			r.mistake(w.place, "too many domains", fmt.Sprintf("the most in which a host looks is %d", maxSearch))
			return
		default:
			h.Search = append(h.Search, domain)
		}
	}
}
