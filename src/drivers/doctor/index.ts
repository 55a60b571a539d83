/**
 * What the doctor asks this machine: who has a port, and in which mode kube-proxy runs.
 *
 * Nothing is changed. What cannot be read is `undefined`, which no rule of `#core/doctor` takes for a fault.
 */
export {};
