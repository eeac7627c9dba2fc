#!/usr/bin/env bash
# Two runs with the same seed, one of them killed without warning in the middle: they end with the same bits.
set -euo pipefail

train=(ganctl train dcgan --data digits --limit 6000 --epochs 3 --seed 7)
"${train[@]}" --run never-stopped

"${train[@]}" --run killed &
victim=$!
until [ -e runs/killed/progress/epoch-0001.png ]; do sleep 0.1; done
kill -9 "$victim"
wait "$victim" || true
ganctl resume killed

cd runs
cmp {never-stopped,killed}/checkpoints/step-00000561/model.safetensors
cmp {never-stopped,killed}/checkpoints/step-00000561/state.safetensors
cmp {never-stopped,killed}/log.jsonl
echo "Not one bit differs."
