/** A pipeline: numbers → divisors, counted on all threads → the one that has most. */

import { Channel, go, WaitGroup } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"
import { type Count, countDivisors } from "./tasks.ts";

const numbers = new Channel<number>(16);
const counts = new Channel<Count>(16);

// The first stage runs here: a closure stays on its thread.
go(async () => {
  for (let number = 1; number <= 5000; number++) await numbers.send(number);
  await numbers.close();
});

// The second is four tasks, spread over the scheduler threads. They share the two channels.
const workers = new WaitGroup();
for (let i = 0; i < 4; i++) workers.go(countDivisors, numbers, counts);
go(async () => {
  await workers.wait();
  await counts.close();
});

// The third ends when the second has closed its channel.
let most: Count = { number: 0, divisors: 0 };
for await (const count of counts) {
  const isMore = count.divisors > most.divisors;
  // Counts arrive in the order in which they are ready.
  if (isMore || (count.divisors === most.divisors && count.number < most.number)) most = count;
}
console.log(`${most.number} has ${most.divisors} divisors`);
