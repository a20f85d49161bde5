package gen

import _ "github.com/mmcloughlin/avo/build"
