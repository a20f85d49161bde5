package kernel

//go:generate go -C gen run ./gemm -out ../gemm_amd64.s -stubs ../gemm_stub_amd64.go -pkg kernel
//go:generate go -C gen run ./vector -out ../vector_amd64.s -stubs ../vector_stub_amd64.go
//go:generate go -C gen run ./check -out ../check_amd64.s -stubs ../check_stub_amd64.go -pkg kernel
//go:generate go -C gen run ./phasor -out ../phasor_amd64.s -stubs ../phasor_stub_amd64.go -pkg kernel
