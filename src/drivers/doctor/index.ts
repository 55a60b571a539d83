/**
 * What the doctor looks at on this machine: interfaces and their settings, who has a port, how kube-proxy runs.
 *
 * Nothing is changed. What cannot be read is `undefined`, which no rule of `#core/doctor` takes for a fault.
 */
export {};
