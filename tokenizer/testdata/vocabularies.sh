#!/bin/sh
# Fetches vocabularies of published models from PyPI and npm packages that ship them,
# for the tests that name COMLAM_VOCABS. Usage: vocabularies.sh FOLDER
# Needs pip, npm and python3 with tokenizers. The files keep the licences of their models.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"
pip download -q --no-deps litellm==1.110.2 dashscope==2.0.2 llama-models==0.3.0 cn-clip==1.6.0 mistral-common==1.13.1 open-clip-torch==3.3.0
npm pack --silent gpt-tokenizer@4.0.0 >/dev/null
take() { unzip -qp "$1"*.whl "$2" >"$3"; }
take litellm litellm/litellm_core_utils/tokenizers/anthropic_tokenizer.json anthropic.json
take litellm litellm/litellm_core_utils/tokenizers/deepseek_tokenizer.json deepseek.json
take dashscope dashscope/resources/qwen.tiktoken qwen.tiktoken
take llama_models llama_models/llama3/tokenizer.model llama3.tiktoken
take llama_models llama_models/llama4/tokenizer.model llama4.tiktoken
take mistral_common mistral_common/data/tokenizer.model.v1 mistral-v1.model
take mistral_common mistral_common/data/mistral_instruct_tokenizer_240323.model.v3 mistral-v3.model
take mistral_common mistral_common/data/tekken_240911.json tekken.json
take cn_clip cn_clip/clip/vocab.txt vocab.txt
take open_clip_torch open_clip/bpe_simple_vocab_16e6.txt.gz clip.txt.gz
tar xzf gpt-tokenizer-4.0.0.tgz --strip-components 2 package/data
mv cl100k_base.tiktoken cl100k.tiktoken && mv o200k_base.tiktoken o200k.tiktoken
python3 "$here/assemble.py"
rm -f *.whl *.tgz
