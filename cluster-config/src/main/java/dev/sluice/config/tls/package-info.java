/** Nodes that know one another by certificate: the TLS engines of Pekko's transport. */
package dev.sluice.config.tls;
