// Package docs holds the documentation of ComLAM inside the program: real documents that
// are there without a download, for the demonstration to be trained and measured on.
package docs

import "embed"

// Files are the pages, as the folder docs has them.
//
//go:embed *.md design/*.md
var Files embed.FS
