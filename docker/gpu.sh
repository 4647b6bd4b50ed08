#!/usr/bin/env bash
# What only a GPU can say, in one call: the bench of the 7B tier at its true size, then the tests of the CUDA paths.
#
#   docker/gpu.sh wheels               where there is a network: fetch into .whl/ what a GPU machine may lack
#   docker/gpu.sh run [OUT] [PRESET]   there, also without a network: speed.json, speed.log and tests.log into OUT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

wheels() {
  local platforms=(manylinux{_2_34,_2_31,_2_28,_2_27,_2_17,2014}_x86_64)
  # Nothing that needs a compiler or a codec: films are neither read nor written here.
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version "${PYTHON_VERSION:-3.12}" \
    --implementation cp "${platforms[@]/#/--platform=}" -d .whl \
    diffusers==0.42.* gymnasium==1.4.* farama-notifications pytest-asyncio==1.*
  du -ch .whl/*.whl | tail -1
}

run() {
  local out=${1:-runs/gpu} preset=${2:-pandora-7b-longlive} site
  mkdir -p "$out"
  site=$(mktemp -d)
  if compgen -G '.whl/*.whl' >/dev/null; then
    python3 -m pip install --quiet --no-index --no-deps --no-compile --target "$site" .whl/*.whl
  fi
  export PYTHONPATH="$site:$PWD" PYTHONUNBUFFERED=1
  python3 -c 'from pandora.cli.main import main; main()' bench --preset "$preset" --random --json "$out/speed.json" \
    2>&1 | tee "$out/speed.log" || true
  python3 -m pytest -q -p no:cacheprovider tests/video tests/large tests/pretrained tests/test_quantization.py \
    tests/test_offloading.py tests/test_roofline.py 2>&1 | tee "$out/tests.log"
}

case "${1:-}" in
  wheels) wheels ;;
  run) shift && run "$@" ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2 ;;
esac
