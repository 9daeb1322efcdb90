package file
import ("testing";"fmt";"time";"strings";"github.com/goccy/go-yaml/lexer";"github.com/goccy/go-yaml/parser")
func TestZZ(t *testing.T){ for _,n:=range []int{4000,8000,16000,32000} { 
 var u strings.Builder; u.WriteString("hosts:\n"); for i:=range n { fmt.Fprintf(&u,"  a%d: {}\n",i) }
 for _,s:=range []string{"hosts:\n"+strings.Repeat("  a: {}\n",n), u.String(), "hosts:\n"+strings.Repeat("  - a: b\n",n), "hosts: ["+strings.Repeat("a, ",n)+"]\n","hosts: {"+strings.Repeat("a: b, ",n)+"}\n"} {
 t0:=time.Now(); tk:=lexer.Tokenize(s); t1:=time.Now(); parser.Parse(tk,0,parser.AllowDuplicateMapKey()); t2:=time.Now(); Parse("x",[]byte(s)); fmt.Println(n,t1.Sub(t0),t2.Sub(t1),time.Since(t2)) }}}
