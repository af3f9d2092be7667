// Sends each file named on the command line in a request of its own, by Go's mime/multipart, for
// test/cgi/programs.test.ts. What the server answers is not looked at.
// Usage: send URL FILE...

package main

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
)

func main() {
	for _, path := range os.Args[2:] {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, _ := form.CreateFormFile("file", filepath.Base(path))
		content, _ := os.ReadFile(path)
		part.Write(content)
		form.Close()
		reply, err := http.Post(os.Args[1], form.FormDataContentType(), &body)
		if err != nil {
			panic(err)
		}
		reply.Body.Close()
	}
}
