/** What tensors cost between two JVMs, by every way that they could take: {@code ./sluice bench transport}. */
package dev.sluice.actors.bench;
