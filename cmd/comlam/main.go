// Command comlam simulates radio channels, trains models on them, adapts them to
// conditions they have not seen and compares them with classical methods and
// bounds. Without arguments it says what to type first.
//
// # Output
//
// Results go to standard output, progress and errors to standard error. With
// --json standard output is one JSON object on one line, of an error too:
// {"error": ..., "exit_code": ...}. Nothing is coloured unless standard error is a
// terminal and NO_COLOR is not set.
//
// # Exit codes
//
//	0    done
//	1    a bug in comlam
//	2    usage: a wrong argument
//	3    data: a wrong or damaged file
//	4    resources: no space, no memory, locked by another process
//	5    a gate failed: a result is not what it must be
//	130  interrupted; training has left a checkpoint
//
// # This package
//
// It holds flags, output and exit codes. What is done is in package run.
package main

import "os"

func main() {
	os.Exit(comlam(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
