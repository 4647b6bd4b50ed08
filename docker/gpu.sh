#!/usr/bin/env bash
# What only a GPU can say, in one call: the bench of the 7B tier at its true size, then the tests of the CUDA paths.
#
#   docker/gpu.sh wheels [train]       where there is a network: fetch into .whl/ what a GPU machine may lack
#   docker/gpu.sh run [OUT] [PRESET]   there, also without a network: speed.json, speed.log and tests.log into OUT
#   docker/gpu.sh train [OUT] …        there: the recipe of all stages with these options; weights and curves into OUT
#
# Where only so much can be brought at once, wheels go first and weights W follow, which the same machine goes on with:
#   train OUT --ahead 3000 --until data
#   train OUT --ahead 3000 --start-from W --aligned W --autoencoder W/autoencoder.safetensors
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

wheels() {
  local platforms=(manylinux{_2_34,_2_31,_2_28,_2_27,_2_17,2014}_x86_64)
  # To run: nothing that needs a compiler or a codec, as films are neither read nor written. To train: 56 MB, and run
  # alignment beforehand (pandora train alignment), as its teacher is 84 MB: give --aligned, or have it there.
  local training=(av==18.* mujoco==4.0.0 mujoco-core==4.0.0 glfw pyopengl moderngl==5.* glcontext)
  [[ ${1:-} == train ]] || training=()
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version "${PYTHON_VERSION:-3.12}" \
    --implementation cp "${platforms[@]/#/--platform=}" -d .whl \
    diffusers==0.42.* gymnasium==1.4.* farama-notifications pytest-asyncio==1.* "${training[@]}"
  du -ch .whl/*.whl | tail -1
}

site() {  # the wheels, installed once, beside the code
  local site="${TMPDIR:-/tmp}/pandora-site"
  if compgen -G '.whl/*.whl' >/dev/null && [[ ! -d $site ]]; then
    python3 -m pip install --quiet --no-index --no-deps --no-compile --target "$site" .whl/*.whl
  fi
  export PYTHONPATH="$site:$PWD" PYTHONUNBUFFERED=1 MUJOCO_GL=egl
}

pandora() { python3 -c 'from pandora.cli.main import main; main()' "$@"; }

pack() {  # OUT: the newest weights in bfloat16 and the curves, in files of 15 MB; whole, or as they were before
  local runs=runs/general packed=runs/packed parts
  for stage in rollout video; do [[ -f $runs/$stage/video.safetensors ]] && break; done
  [[ -f $runs/$stage/video.safetensors ]] || return 0
  mapfile -t parts < <(python3 -c '
import json, sys
config = json.loads(open(sys.argv[1]).readlines()[-1])["config"]
worlds = {part.partition("=")[0].rpartition("/")[2] for part in config["data"].split(",")}
print("--autoencoder", config["autoencoder"], *(f"--worlds {world}" for world in sorted(worlds)), sep="\n")
' "$runs/$stage/runs.jsonl" | tr ' ' '\n')
  rm -rf $packed && mkdir -p $packed
  pandora train export --video "$runs/$stage" --aligned "$runs/$stage" "${parts[@]}" --novelty 0 \
    --out $packed/weights >/dev/null
  (cd $runs && find . -name metrics.jsonl -o -name runs.jsonl -o -name done.json) | tar -c -C $runs -T - | tar -x -C $packed
  tar -c -C $packed . | split -b 15M -d - "$1/.general.tar."
  rm -f "$1"/general.tar.*
  for part in "$1"/.general.tar.*; do mv "$part" "$1/${part##*/.}"; done
}

train() {  # what was learned comes back even if the machine's time ends before the recipe does
  local out=${1:-runs/gpu}
  mkdir -p "$out"
  site
  (while sleep 90; do pack "$out" || true; done) &
  trap "kill $! 2>/dev/null; pack '$out'" EXIT
  pandora train recipe --out runs/general "${@:2}" 2>&1 | tee "$out/train.log"
}

run() {
  local out=${1:-runs/gpu} preset=${2:-pandora-7b-longlive}
  mkdir -p "$out"
  site
  pandora bench --preset "$preset" --random --json "$out/speed.json" \
    2>&1 | tee "$out/speed.log" || true
  python3 -m pytest -q -p no:cacheprovider tests/video tests/large tests/pretrained tests/test_quantization.py \
    tests/test_offloading.py tests/test_roofline.py 2>&1 | tee "$out/tests.log"
}

case "${1:-}" in
  wheels) wheels "${2:-}" ;;
  run) shift && run "$@" ;;
  train) shift && train "$@" ;;
  *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2 ;;
esac
