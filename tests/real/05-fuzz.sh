#!/usr/bin/env bash
# Everything that reads bytes from elsewhere, for some seconds under a fuzzer each. (What is kept of earlier runs is a
# plain test as well: fuzzing:: of `cargo test`.)
# runs: first
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

seconds=${QUORATE_FUZZ_SECONDS:-3}
c++ --version >/dev/null 2>&1 || skip_for_now "needs a C++ compiler (libFuzzer is written in it)"

run_expect 0 cargo fmt --check --manifest-path "$TESTS/fuzz/Cargo.toml"
began=$SECONDS
programs=$("$TESTS/fuzz/fuzz" build fast)
say "built in $((SECONDS - began)) s"

# fuzz TARGET: a line of figures in $WORK/TARGET/figures, or what it found in $WORK/TARGET/log.
fuzz() {
  local target=$1 dir=$WORK/$1 options=()
  mkdir -p "$dir"/{new,tmp}
  [[ ! -f $TESTS/fuzz/words/$target.dict ]] || options=("-dict=$TESTS/fuzz/words/$target.dict")
  TMPDIR=$dir/tmp "$programs/$target" "$dir/new" "$TESTS/fuzz/corpus/$target" "${options[@]}" -timeout=25 -rss_limit_mb=2048 \
    "-artifact_prefix=$dir/" "-max_total_time=$seconds" -print_final_stats=1 -reload=0 >"$dir/log" 2>&1 || return 1
  echo "note: $target: $(sed -n 's/^stat::number_of_executed_units: //p' "$dir/log") inputs in $seconds s, none broke it" >"$dir/figures"
}

# explain TARGET: what to do with what was found.
explain() {
  local input
  tail -n 40 "$WORK/$1/log"
  for input in "$WORK/$1"/{crash,timeout,oom,leak}-*; do
    [[ ! -f $input ]] || echo "the input, for tests/fuzz/corpus/$1/found-WHAT: base64 -d <<<'$(base64 -w 0 "$input")'"
  done
  fail "the target $1 found something"
}

targets=()
for file in "$TESTS"/fuzz/targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
at_once=$(nproc)
for ((first = 0; first < ${#targets[@]}; first += at_once)); do
  now=("${targets[@]:first:at_once}")
  running=()
  for target in "${now[@]}"; do
    fuzz "$target" &
    running+=($!)
    on_exit end_process $!
  done
  for i in "${!now[@]}"; do
    wait "${running[i]}" || explain "${now[i]}"
    cat "$WORK/${now[i]}/figures"
  done
done
