/**
 * Networks as TorchScript files: what they are ({@link dev.sluice.runtime.network.Network}), how they are written
 * without Python, read, trained and stepped on libtorch. See docs/engine.md.
 */
package dev.sluice.runtime.network;
