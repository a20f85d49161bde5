package run

import "reflect"

// Fill changes the settings of v, a pointer to a struct with yaml tags, by arguments
// such as "snr=0 to 10 dB", and validates it where it has a Validate method. An error
// is a *[Error] that names the argument.
func Fill(v any, overrides []string) error {
	d := emptyDocument()
	for _, arg := range overrides {
		if err := d.override(arg); err != nil {
			return err
		}
	}
	if err := d.fill(d.root, "", d.nearestPlace(""), reflect.ValueOf(v).Elem()); err != nil {
		return err
	}
	if c, ok := v.(validator); ok {
		if err := c.Validate(); err != nil {
			se := asSetting(err)
			return d.locate(se.Key, se, err)
		}
	}
	return nil
}
