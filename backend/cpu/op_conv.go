package cpu

func runConv(c *call) error { return nil }
