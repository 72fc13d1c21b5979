#!/usr/bin/env bash
# The report of a run, of real runs: written at the end of an upgrade and of a
# run that fails, whole, private, one file. A browser opens it from the disk
# without an error, and nothing is wider than a phone.
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/specs/lib.sh
. "$TESTS/specs/lib.sh"

newest_run() { find "$SPEC/.quorate/runs" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tail -n 1; }

# report_says FILE WORD...
report_says() {
  local html word
  html=$(cat "$1")
  shift
  for word in "$@"; do [[ $html == *"$word"* ]] || fail "the report does not say '$word'"; done
}

# A release that does not come up: the report says where it failed and what to do.
a_failed_run_has_its_report() {
  run_expect 1 quorate apply -auto-approve -var release=3.2.32 -var "releases=$WORK/exits" -var ready_timeout=4s
  FAILED=$SPEC/.quorate/runs/$(newest_run)/report.html
  assert_file "$FAILED"
  report_says "$FAILED" "Failed after" "What to do next" "it runs its old binary again" "this disk does not please me"
}

an_upgrade_has_its_report() {
  local run
  apply 3.2.32
  run=$(newest_run)
  REPORT=$SPEC/.quorate/runs/$run/report.html
  assert_file "$REPORT"
  assert_eq "$(stat -c %a "$REPORT")" 600 "mode of the report"
  assert_contains "$APPLIED" "report.html"
  report_says "$REPORT" "cluster test is at 3.2.32" "quorate restore -cluster=test $run" "Point of no return" \
    "quorate rollback -points -cluster=test" "</html>"
  assert_eq "$(grep -cE '<script|<link|<img| src=| href=' "$REPORT" || true)" 0 "lines that load something"
  # Written again from what is kept, it is the same.
  run_expect 0 quorate report -var release=3.2.32 -out "$WORK/again.html"
  cmp "$REPORT" "$WORK/again.html" || fail "the report that is written later is another one"
}

# Nothing is put away for a report but a report.
a_report_replaces_only_a_file() {
  local run
  run=$SPEC/.quorate/runs/$(newest_run)
  rm "$run/report.html"
  mkdir -p "$run/report.html/in-the-way"
  run_expect 1 quorate report -var release=3.2.32
  assert_contains "$ERR" "report.html"
  rm -r "$run/report.html"
  run_expect 0 quorate report -var release=3.2.32
}

# chrome WIDTH OPTION... FILE: headless, with nothing kept.
chrome() {
  local width=$1
  shift
  timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
    --user-data-dir="$WORK/chrome" --enable-logging=stderr --v=0 --window-size="$width,1200" "$@"
}

# a_browser_opens FILE: no error; no overflow at the width of a phone.
a_browser_opens() {
  local file=$1 probe=$WORK/probe.html dom
  dom=$(chrome 1280 --dump-dom "file://$file" 2>"$WORK/console") || fail "chromium: $(tail -n 5 "$WORK/console")"
  assert_contains "$dom" "</html>"
  ! grep -E 'CONSOLE' "$WORK/console" || fail "the console says something"
  # The page itself allows no script: a frame of 390 px around it is measured from outside.
  cat >"$probe" <<HTML
<!DOCTYPE html><body style="margin:0"><iframe id="f" src="file://$file" style="width:390px;height:900px;border:0"></iframe>
<script>
addEventListener('load', () => {
  const page = document.getElementById('f').contentDocument;
  page.querySelectorAll('details').forEach(one => one.open = true);
  const root = page.documentElement;
  const wide = [...page.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > 391);
  document.title = 'done';
  document.body.dataset.measured = root.clientWidth + ' ' + root.scrollWidth + ' ' + wide.length;
});
</script></body>
HTML
  dom=$(chrome 1280 --allow-file-access-from-files --virtual-time-budget=5000 --dump-dom "file://$probe" 2>/dev/null)
  assert_contains "$dom" 'data-measured="390 390 0"'
}

"$TESTS/fixtures/release-dir" "$RELEASES" 3.1.20 3.2.32
bad_release "$WORK/exits" EVERYWHERE=0 HANGS=0
use_process_spec report
apply 3.1.20
put_data_v3
a_failed_run_has_its_report
an_upgrade_has_its_report
a_report_replaces_only_a_file
if ! command -v chromium >/dev/null; then
  skip "all but what a browser shows is checked: chromium is not installed (apt-get install chromium)"
fi
a_browser_opens "$REPORT"
a_browser_opens "$FAILED"
