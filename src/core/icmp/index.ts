/**
 * ICMP echo: is a machine there, asked at the internet layer.
 *
 * Standards: RFC 792 (IPv4) and RFC 4443 §4 (IPv6), of which Echo Request and Echo Reply.
 *
 * Left out: errors such as Destination Unreachable, which say of one's own routes more than of the machine asked;
 * answering, which the kernel does.
 *
 * Start at `echo.ts`.
 */
export {};
