"""Records sampling.json: the probabilities that transformers leaves for the next token.

    python3 sampling.py      (torch and transformers; last run with 2.15, 5.24)

Logits of 40 tokens, a text for the repetition penalty, and the warpers of
transformers in the order in which its generate() applies them.
"""
import json

import torch
from transformers import (LogitsProcessorList, MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
                          TopKLogitsWarper, TopPLogitsWarper)

torch.manual_seed(20260101)
logits = (3 * torch.randn(40, dtype=torch.float64)).float()
text = torch.randint(0, 40, (1, 25))
cases = []
for penalty, temperature, top_k, top_p, min_p in [
    (1, 1, 0, 1, 0), (1.3, 1, 0, 1, 0), (1, 0.5, 0, 1, 0), (1, 2, 7, 1, 0), (1, 1, 0, 0.9, 0), (1, 1, 0, 0.3, 0), (1, 3, 0, 0.99, 0),
    (1, 1, 0, 1, 0.1), (1, 2, 0, 1, 0.02), (1.5, 0.8, 12, 0.8, 0.05), (1.1, 1.5, 30, 0.95, 0.01), (0.8, 1, 5, 0.99, 0),
]:
    steps = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(float(penalty)), TemperatureLogitsWarper(float(temperature))])
    if top_k:
        steps.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        steps.append(TopPLogitsWarper(float(top_p)))
    if min_p:
        steps.append(MinPLogitsWarper(float(min_p)))
    p = steps(text, logits[None].clone())[0].double().softmax(-1)
    cases.append({"repetition_penalty": penalty, "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
                  "probabilities": {str(i): float("%.8g" % v) for i, v in enumerate(p.tolist()) if v > 0}})
with open("sampling.json", "w") as f:
    json.dump({"logits": logits.tolist(), "text": text[0].tolist(), "cases": cases}, f)
    f.write("\n")
