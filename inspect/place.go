package inspect

import "fmt"

// Position is a layer's number and name in one model.
type Position struct {
	Number int
	Name   string
}

func (p Position) String() string { return fmt.Sprintf("%d %s", p.Number, p.Name) }

// Place says where a header stands in the three models in which layers are
// taught.
type Place struct {
	OSI  Position // the seven layers of ISO/IEC 7498-1
	Five Position // the five of the textbooks, which are Septet's folders
	Four Position // the four of the TCP/IP suite (RFC 1122, section 1.1.3)
}

var (
	// ARP is below IP in RFC 1122 (section 2.3.2): it belongs to the link layer.
	placeLink = Place{Position{2, "Data Link"}, Position{2, "Data Link"}, Position{1, "Link"}}
	// ICMP is "an integral part of IP" (RFC 792), although IP carries it.
	placeNetwork     = Place{Position{3, "Network"}, Position{3, "Network"}, Position{2, "Internet"}}
	placeTransport   = Place{Position{4, "Transport"}, Position{4, "Transport"}, Position{3, "Transport"}}
	placeApplication = Place{Position{7, "Application"}, Position{5, "Application"}, Position{4, "Application"}}
)
