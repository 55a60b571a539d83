/**
 * FRR on this machine, by its shell: what it runs with, what is entered, how sessions are.
 *
 * - `port.ts`: what we ask for. Start reading here.
 * - `linux.ts`: the real one, `vtysh`, started for each question.
 * - `fake.ts`: without a process; it knows the few commands that we enter.
 * - `contract.ts`: what both have to do.
 */
export {};
