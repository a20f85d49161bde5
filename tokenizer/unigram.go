package tokenizer

type pieceKind uint8

// A lattice is the working memory of Unigram segmentation.
type lattice struct{}
