package kernel

//go:generate go -C gen run ./gemm -out ../gemm_amd64.s -stubs ../gemm_stub_amd64.go -pkg kernel
//go:generate go -C gen run ./vector -out ../vector_amd64.s -stubs ../vector_stub_amd64.go
