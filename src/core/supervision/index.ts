/**
 * What a service manager and the daemon say to each other: systemd's notification protocol (sd_notify(3)).
 *
 * `environment.ts` reads what the manager asks for, `notification.ts` writes what we tell it, `status.ts` makes the one
 * line that `systemctl status` shows. The socket is `#drivers/notify`, the decisions when to speak are with the role.
 *
 * Left out: handing descriptors over (FDSTORE), because a restart finds everything in the kernel; extending timeouts.
 * Start reading in `notification.ts`.
 */
export {};
