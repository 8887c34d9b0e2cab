#!/bin/sh
# The least that is an agent: opens its session, says one thing at once, and is ready.
# What it says is the time of its start in nanoseconds, so that nobody has to watch it.
now=$(date +%s%N)
session=none
while [ $# -gt 0 ]; do
  [ "$1" = --session-id ] && session=$2
  shift
done
say() {
  printf '{"type":"assistant","parent_tool_use_id":null,"message":{"id":"%s","model":"tiny","content":[{"type":"text","text":"%s"}]}}\n' "$1" "$2"
}
printf '{"type":"system","subtype":"init","session_id":"%s","model":"tiny"}\n' "$session"
say m1 "started $now"
say m2 '<COMPLETION_GATE>\nready: true\nreason: nothing to do\n</COMPLETION_GATE>'
printf '%s\n' '{"type":"result","subtype":"success","is_error":false,"result":"","total_cost_usd":0,"num_turns":1,"duration_ms":1,"usage":{}}'
while read -r _; do :; done
