/** What happens in a run, as types, and the one form in which it is written down, sent and read. */
package dev.sluice.protocol.event;
