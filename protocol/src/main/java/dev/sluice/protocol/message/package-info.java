/**
 * Messages between actors: one sealed interface a receiver, its cases records of protocol values.
 *
 * <p>Messages of the training ring carry the epoch that the supervisor handed out; a receiver ignores those of an older
 * one. Each interface has a {@code Local} branch for what an actor tells itself or its worker:
 * such messages never cross the wire and the serializer refuses them.
 */
package dev.sluice.protocol.message;
