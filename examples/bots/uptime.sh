#!/bin/bash
# A bot in Bash: !uptime tells how long this machine is up.
#
# relaychat bot --nick uptime --room '#ops' -- bash uptime.sh
#
# Bash reads no JSON: these patterns are enough for what has no quotes in it.

echo '{"type":"hello"}'
room='"room":"(#[^"\\]+)"'
asked='"type":"said".*"text":"!uptime"'
while IFS= read -r line; do
  [[ $line == *'"type":"welcome"'* ]] && continue
  if [[ $line =~ $asked && $line =~ $room ]]; then
    read -r seconds _ </proc/uptime
    printf '{"type":"send","room":"%s","text":"up for %d minutes","kind":"notice"}\n' \
      "${BASH_REMATCH[1]}" $((${seconds%.*} / 60))
  fi
  echo '{"type":"done"}'
done
