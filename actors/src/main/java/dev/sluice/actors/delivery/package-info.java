/**
 * Tensor messages between nodes: each arrives exactly once and in order, or its sender is told.
 *
 * <p>They go over a TCP connection of their own beside Artery, since Artery's large-message lane is too slow and drops what
 * its queue does not hold; {@code docs/transport.md} has the measurements. Two nodes find each other's port by a greeting
 * over Artery.
 *
 * <p><b>Who holds what.</b> The sender keeps a message, which is immutable, until the receiving actor has handled it: an
 * {@link dev.sluice.actors.delivery.Outbox} a peer, bounded in bytes, with a window of unacknowledged bytes a receiving
 * actor. So a slow actor holds up nobody but its own senders, and what waits in its mailbox is bounded by its window. The
 * receiver keeps how far each sender got with each actor, in an {@link dev.sluice.actors.delivery.Inbox}, from one
 * connection to the next.
 *
 * <p><b>Threads.</b> Every connection has a blocking thread a direction at each end; they are bound by the network or by
 * the copying of memory, and never by an actor. Outbox and inbox are plain state under their owner's lock.
 */
package dev.sluice.actors.delivery;
