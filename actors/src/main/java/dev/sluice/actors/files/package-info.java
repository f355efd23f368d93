/**
 * Weights and states between nodes that share no folder. Actors' messages name files and never carry their bytes; a cache
 * fetches them from a server beside the store, and sends them to it, in back-pressured streams, the SHA-256 checked at the
 * end.
 */
package dev.sluice.actors.files;
