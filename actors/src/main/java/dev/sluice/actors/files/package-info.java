/**
 * Weights and states between nodes that share no folder (design, decision 7): a server beside the store, and a cache that
 * fetches from it and sends to it in back-pressured streams, the SHA-256 checked at the end.
 */
package dev.sluice.actors.files;
