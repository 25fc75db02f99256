// Package limiter finds how many requests to keep in flight: as many as the
// server works on, and few that only wait.
//
// The law is that of TCP Vegas with the base round trip measured anew now and
// then, as BBR does. By Little's law, of L requests in flight at latency W, when
// an unloaded server answers in W0, L·(1−W0/W) are waiting. The law keeps that
// queue short, both in requests and in the time that they wait, so it stops at the
// knee, where more concurrency buys latency and no throughput, and backs off when
// others need the server. An overload (429,
// 5xx, a broken connection) halves the limit.
package limiter
