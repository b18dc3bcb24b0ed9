//go:build tools

package check

import _ "github.com/prometheus/prometheus/cmd/promtool"
