/**
 * How messages cross between JVMs: registered Kryo for their structure, raw bytes for their tensors.
 *
 * <p>Whatever arrives is taken to be hostile until it is a message: every length is held against what is there before
 * anything is allocated, and only classes with an id in {@link dev.sluice.protocol.wire.Registrations} exist.
 */
package dev.sluice.protocol.wire;
