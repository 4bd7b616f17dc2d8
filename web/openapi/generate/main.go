// Command generate writes the OpenAPI document of the API to the files that are
// named. It runs in the folder web, whose sources it reads.
package main

import (
	"log"
	"os"

	"github.com/portvigil/portvigil/web"
)

func main() {
	log.SetFlags(0)
	text, err := web.MakeDocument("..", ".")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range os.Args[1:] {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
