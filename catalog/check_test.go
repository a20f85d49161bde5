package catalog_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/comlam/comlam/catalog"
)

// chapters makes a catalog of one leaf, with the list of what is wrong.
func chapters(t *testing.T, leaf string, more ...string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Read(oneLeaf(t, leaf, more...))
	if err != nil {
		t.Fatalf("%s: %v", leaf, err)
	}
	return c
}

func oneLeaf(t *testing.T, leaf string, more ...string) fs.FS {
	t.Helper()
	wrong, err := os.ReadFile("data/wrong.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := "id: part\nen: Part\nzh: 部分\narea: model\nuse: Use.\nuse_zh: 用途。\nleaves:\n"
	for _, l := range append([]string{leaf}, more...) {
		text += "- {" + l + "}\n"
	}
	return fstest.MapFS{"01.yaml": {Data: []byte(text)}, "wrong.yaml": {Data: wrong}}
}

const plain = "kind: model, en: Name, zh: 名称, "

// TestWrongPairs puts every link, year, name and place that is wrong in circulation
// into a catalog and wants it refused.
func TestWrongPairs(t *testing.T) {
	for _, c := range []struct{ leaf, want string }{
		{"id: gpt-4, paper: 'arxiv:2312.00752'", "Mamba"},
		{"id: openai-o1, paper: 'arxiv:2303.08774'", "GPT-4 Technical Report"},
		{"id: sam-2, paper: 'arxiv:2408.08315'", "2408.00714"},
		{"id: sora, paper: 'arxiv:2402.17177'", "third party"},
		{"id: mobilevlm, paper: 'arxiv:2402.03766'", "2312.16886"},
		{"id: stable-diffusion-v2, paper: 'arxiv:2112.10752'", "V2 has none"},
		{"id: stable-diffusion-v2, paper: 'arxiv:2204.11824'", "Semi-Parametric"},
		{"id: jepa, paper: 'openreview:BZ5a1r-kVsf'", "position paper"},
		{"id: jepa, paper: 'https://openreview.net/pdf?id=BZ5a1r-kVsf'", "position paper"},
		{"id: dino-v1, paper: 'https://openaccess.thecvf.com/content/ICCV2021/html/Caron_ICCV_2021_paper'", ".html is missing"},
		{"id: gpt-3, paper: 'https://splab.sdu.edu.cn/GPT3.pdf'", "mirror"},
		{"id: qwen-vl, paper: 'https://arxiv.org/abs/2308.12966 target='", "piece of HTML"},
		{"id: common-crawl, data: 'https://commoncrawl.org/the-data/get-started'", "old path"},
		{"id: stable-diffusion-v3, code: 'https://github.com/facebookresearch/faiss/wiki'", "search library"},
		{"id: gemma-2, code: 'github:google-deepmind/dangerous-capability-evaluations'", "evaluations"},
		{"id: llama-3, code: 'github:openai/tiktoken'", "another maker"},
		{"id: securefalcon, code: 'https://github.com/features/copilot'", "product page"},
		{"id: deepseek-r1, paper: 'arxiv:2502.12893'", "2501.12948"},
		{"id: o3-mini, paper: 'arxiv:2501.17749'", "external safety test"},
		{"id: wirelessagent, code: 'github:weiiguo/Wireless-Agent'", "WirelessAgent_R1"},
		{"id: gam-3dsc, paper: 'ieee:10436771'", "model caching"},
		{"id: gemma-1, year: 2023", "it is 2024"},
		{"id: stable-diffusion-v2, year: 2023", "it is 2022"},
		{"id: mamba, year: 2022", "it is 2023"},
		{"id: teleqna", "contaminates"},
		{"id: cddm", "not a language model"},
		{"id: gam-3dsc", "not a Transformer codec"},
		{"id: gpt-3, weights: 'hf:some/gpt3'", "no public checkpoint"},
		{"id: gpt-4, weights: 'hf:some/gpt4'", "no public checkpoint"},
		{"id: openai-o1, weights: 'hf:some/o1'", "no public checkpoint"},
		{"id: sora, weights: 'hf:some/sora'", "the open stand-in"},
		{"id: jepa, weights: 'hf:some/jepa'", "position paper"},
		{"id: a, note: 'LLaMA-2 of 700 M, 1.3 B, 3 B and 7 B', note_zh: 某", "70 billion"},
		{"id: a, note: DPO is an RL technique, note_zh: 某", "preference loss"},
		{"id: a, note: elecomInstruct, note_zh: 数据", "TelecomInstruct"},
		{"id: a, note_zh: 检索生成增强, note: x", "检索增强生成"},
		{"id: a, note_zh: 梯度剪裁, note: x", "梯度裁剪"},
		{"id: a, note_zh: 大视觉模型VLM, note: x", "LVM"},
		{"id: a, note: the rectified fourier transformer, note_zh: 某", "rectified flow"},
	} {
		refused(t, chapters(t, plain+c.leaf), c.leaf, c.want)
	}
	// A weight that is really a paper, for each model: no checkpoint is a PDF.
	for _, link := range []string{"arxiv:2307.09288", "https://arxiv.org/pdf/2307.09288", "https://openaccess.thecvf.com/x.html", "https://example.org/paper.pdf"} {
		refused(t, chapters(t, plain+"id: llama-2, weights: '"+link+"'"), link, "wrong sort")
	}
}

func refused(t *testing.T, c *catalog.Catalog, what, want string) {
	t.Helper()
	if got := fmt.Sprint(c.Check()); !strings.Contains(got, want) {
		t.Errorf("%s: got %s, want %q in it", what, got, want)
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, c := range []struct{ leaf, want string }{
		{plain + "id: a, paper: 'arxiv:12345'", "no arxiv id"},
		{plain + "id: a, paper: 'arxiv:2313.00001'", "no arxiv id"},
		{plain + "id: a, paper: 'arxiv:'", "no arxiv id"},
		{plain + "id: a, code: 'github:name'", "no github id"},
		{plain + "id: a, code: 'http://example.org/x'", "neither https"},
		{plain + "id: a, code: 'https://localhost/x'", "no public host"},
		{plain + "id: a, code: 'https://'", "no public host"},
		{plain + "id: a, code: 'https://example.org:8080/'", "no public host"},
		{plain + "id: a, code: 'https://me@example.org/'", "no public host"},
		{plain + "id: a, code: nonsense", "neither https"},
		{plain + "id: a, further: [{link: ''}]", "neither https"},
		{plain + "id: a, code: 'https://github.com/a/b'", "write https://github.com/a/b as github:a/b"},
		{plain + "id: a, paper: 'https://arxiv.org/pdf/2401.00001.pdf'", "as arxiv:2401.00001"},
		{plain + "id: a, code: 'arxiv:2401.00001'", "wrong sort"},
		{plain + "id: a, paper: 'github:a/b'", "wrong sort"},
		{plain + "id: a, paper: 'arxiv:2401.00001', further: [{link: 'arxiv:2401.00001'}]", "stands at a already"},
		{plain + "id: a, paper: 'arxiv:2401.00001'", "authors is empty"},
		{plain + "id: a, paper: 'arxiv:2401.00001'", "code is empty"},
		{plain + "id: a, weights: 'hf:a/b'", "weights_licence is empty"},
		{plain + "id: a, weights: none, weights_licence: MIT", "there are no weights"},
		{plain + "id: a, code: 'github:a/b'", "licence is empty"},
		{plain + "id: a, code: elsewhere", "say where by see"},
		{plain + "id: a, code: nowhere", "neither https"},
		{plain + "id: a, weights: ''", "weights is empty"},
		{"kind: dataset, en: Name, zh: 名称, id: a, paper: none", "data is empty"},
		{plain + "id: a, paper: none", "year is empty"},
		{plain + "id: a, year: 2020, paper: 'arxiv:2401.00001'", "not that of"},
		{plain + "id: a, year: 12", "is none"},
		{plain + "id: a, see: [nobody]", "no other entry"},
		{plain + "id: a, see: [a]", "no other entry"},
		{plain + "id: a, evidence: rumour", `evidence "rumour"`},
		{plain + "id: a, cited: code, authors: ['']", "no name"},
		{plain + "id: a, title: T", "where title and authors are from"},
		{plain + "id: a, further: [{link: 'ieee:1234567', authors: [A]}]", "where title and authors are from"},
		{plain + "id: a, cited: code", "only then"},
		{plain + "id: a, title: T, cited: hearsay", `cited "hearsay"`},
		{plain + "id: a, further: [{link: 'arxiv:2401.00001', year: 2020}]", "not that of"},
		{plain + "id: a, note: only", "one language"},
		{plain + "id: a, use: Only.", "one language"},
		{plain + "id: A b", "two-words"},
		{plain + "id: a, area: cooking", `area "cooking"`},
		{"kind: thing, en: Name, zh: 名称, id: a", `kind "thing"`},
		{"kind: model, en: '', zh: 名称, id: a", "name is missing"},
		{"kind: model, en: 名称, zh: 名称, id: a", "Chinese letters"},
		{plain + "id: part", "taken"},
		{plain + "id: a, status: {state: maybe}", `state "maybe"`},
		{plain + "id: a, status: {state: runs}", "which command"},
		{plain + "id: a, status: {run: [comlam demo]}", "does not run but"},
		{plain + "id: a, status: {state: nothing to run}", "only a stage"},
		{plain + "id: a, status: {state: runs, as: run, run: [make]}", "no command of comlam"},
		{plain + "id: a, status: {state: partly, as: run, run: [comlam demo]}", "what is missing"},
		{plain + "id: a, status: {state: runs, as: run, run: [comlam demo], missing: x, missing_zh: 缺}", "what is missing"},
	} {
		refused(t, chapters(t, c.leaf), c.leaf, c.want)
	}
	both := chapters(t, plain+"id: a, paper: 'arxiv:2401.00001'", plain+"id: b, further: [{link: 'arxiv:2401.00001'}]")
	refused(t, both, "one link twice", "stands at a already")
	if p := chapters(t, plain+"id: a, title: T, authors: [A], cited: page, paper: 'arxiv:2401.00001', code: 'github:a/b', licence: none, weights: unknown, note: TelecomInstruct, note_zh: 某").Check(); len(p) > 0 {
		t.Errorf("a right entry: %v", p)
	}
}

func TestReadIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"id: a\nname: b\n":                    "field name not found",
		"id: a\nid: b\n":                      "already defined",
		"id: a\n---\nid: b\n":                 "more than one document",
		"":                                    "EOF",
		"id: p\nleaves: [{id: a}, {id: a}]\n": `"a" is taken`,
		"id: p\nleaves: [{id: a, year: twenty}]\n": "cannot unmarshal",
	} {
		if _, err := catalog.Read(fstest.MapFS{"01.yaml": {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
	if _, err := catalog.Read(fstest.MapFS{}); err == nil {
		t.Error("no files: no error")
	}
}

func TestLinkURL(t *testing.T) {
	for link, want := range map[catalog.Link]string{
		"arxiv:2106.09685": "https://arxiv.org/abs/2106.09685", "ieee:10500305": "https://ieeexplore.ieee.org/document/10500305",
		"openreview:FPnUhsQJ5B": "https://openreview.net/forum?id=FPnUhsQJ5B", "doi:10.1000/x_1": "https://doi.org/10.1000/x_1",
		"github:a/b.c": "https://github.com/a/b.c", "hf:a/b": "https://huggingface.co/a/b", "hf-dataset:a/b": "https://huggingface.co/datasets/a/b",
		"https://commoncrawl.org/get-started": "https://commoncrawl.org/get-started", "gopher:x": "", "": "",
	} {
		if got := link.URL(); got != want {
			t.Errorf("%q is %q, want %q", link, got, want)
		}
	}
}
