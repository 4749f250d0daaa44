// A bot in JavaScript: greets whoever joins.
//
// relaychat bot --nick greeter --room '#tea' --memory 0 -- node greet.mjs
//
// --memory 0: node reserves far more addresses than it uses memory.

import { createInterface } from "node:readline";

const say = (word) => console.log(JSON.stringify(word));

say({ type: "hello" });
for await (const line of createInterface({ input: process.stdin })) {
  const word = JSON.parse(line);
  if (word.type === "welcome") continue;
  if (word.type === "joined") {
    say({ type: "send", room: word.room, text: `Welcome, ${word.sender}!`, kind: "notice" });
  }
  say({ type: "done" });
}
