/** Files that are either whole or absent: atomic writes, safetensors, and the digests that name their content. */
package dev.sluice.runtime.store;
