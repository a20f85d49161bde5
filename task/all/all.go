// Package all is the table of applications.
package all

import (
	"github.com/comlam/comlam/task"
	"github.com/comlam/comlam/task/channelpred"
	"github.com/comlam/comlam/task/telecomqa"
)

// Entries lists the applications by name.
var Entries = []task.Entry{channelpred.Entry, telecomqa.Entry}
