package web

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the margin that a QR code needs, in modules (ISO/IEC 18004, 6.3.8).
const quiet = 4

// qrCode is a QR code as one path of an SVG: it stands in the page itself, so that
// the secret in it has no address of its own.
type qrCode struct {
	Size int    // of one side in modules, margin included
	Path string // its dark modules
}

// qrOf draws the text. Level M bears a scratched screen, and is small enough for an
// otpauth URL to be scanned from a laptop.
func qrOf(text string) (qrCode, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{}, fmt.Errorf("draw a QR code: %w", err)
	}
	size := code.Bounds().Dx()
	var b strings.Builder
	for y := range size {
		for x := 0; x < size; {
			run := 0
			for x+run < size && dark(code.At(x+run, y)) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
			}
			x += max(run, 1)
		}
	}
	return qrCode{size + 2*quiet, b.String()}, nil
}

func dark(c color.Color) bool { return color.GrayModel.Convert(c).(color.Gray).Y < 128 }
