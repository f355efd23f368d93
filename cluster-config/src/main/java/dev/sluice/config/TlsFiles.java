package dev.sluice.config;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPrivateKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The files of {@code node.tls}, looked at before anything starts: what is wrong with them shows later as a node that
 * nobody hears of, and in the log of another machine.
 */
final class TlsFiles {
    private static final Pattern KEY =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");
    private static final Pattern ADDRESS =
            Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}|\\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*]?");
    private static final int DNS_NAME = 2;
    private static final int IP_ADDRESS = 7;

    @FunctionalInterface
    private interface Parsing<T> {
        T parse(String pem) throws GeneralSecurityException;
    }

    private final Limits limits;
    private final TlsSettings tls;

    private TlsFiles(Limits limits, TlsSettings tls) {
        this.limits = limits;
        this.tls = tls;
    }

    /** @param limits whose keys are complete */
    static void require(Limits limits, NodeSettings node) {
        if (node.tls().enabled()) {
            new TlsFiles(limits, node.tls()).require(node.host());
        }
    }

    private void require(String host) {
        Optional<X509Certificate> certificate =
                read("certificate", tls.certificate(), "a certificate (X.509)", TlsFiles::certificate);
        Optional<X509Certificate> ca = read("ca", tls.ca(), "a certificate (X.509)", TlsFiles::certificate);
        Optional<RSAPrivateKey> key = read(
                "key",
                tls.key(),
                "a private key (RSA, PKCS#8, not encrypted: -----BEGIN PRIVATE KEY-----)",
                TlsFiles::key);
        certificate.ifPresent(own -> {
            together(
                    isValid(own),
                    "certificate",
                    tls.certificate(),
                    "must be valid today: it is from " + own.getNotBefore().toInstant() + " to "
                            + own.getNotAfter().toInstant());
            together(
                    names(own, host),
                    "certificate",
                    tls.certificate(),
                    "must name node.host = " + host
                            + " among its alternative names: the other nodes check that they reached whom they called");
            ca.ifPresent(authority -> together(
                    isSignedBy(own, authority),
                    "certificate",
                    tls.certificate(),
                    "must be signed by node.tls.ca = " + tls.ca().orElseThrow() + " itself"));
            key.ifPresent(secret -> together(
                    own.getPublicKey() instanceof RSAPublicKey open
                            && open.getModulus().equals(secret.getModulus()),
                    "key",
                    tls.key(),
                    "must be the key of node.tls.certificate = "
                            + tls.certificate().orElseThrow()));
        });
        ca.ifPresent(authority -> together(
                isValid(authority),
                "ca",
                tls.ca(),
                "must be valid today: it is from " + authority.getNotBefore().toInstant() + " to "
                        + authority.getNotAfter().toInstant()));
    }

    private void together(boolean holds, String key, Optional<Path> file, String mend) {
        limits.requireTogether(holds, "node.tls." + key, file.orElseThrow(), mend);
    }

    private <T> Optional<T> read(String key, Optional<Path> file, String what, Parsing<T> parsing) {
        if (file.isEmpty()) {
            refuse(key, "null", "must be a PEM file: node.tls.enabled = true");
            return Optional.empty();
        }
        String pem;
        try {
            pem = Files.readString(file.get(), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            refuse(key, file.get(), "must be a file that can be read" + " (cluster-config/certificates.sh makes some)");
            return Optional.empty();
        }
        try {
            return Optional.of(parsing.parse(pem));
        } catch (GeneralSecurityException e) {
            refuse(key, file.get(), "must be a PEM file with " + what);
            return Optional.empty();
        }
    }

    private void refuse(String key, Object value, String mend) {
        limits.require(false, "node.tls." + key, value, mend);
    }

    private static X509Certificate certificate(String pem) throws GeneralSecurityException {
        return (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.ISO_8859_1)));
    }

    private static RSAPrivateKey key(String pem) throws GeneralSecurityException {
        Matcher block = KEY.matcher(pem);
        if (!block.find()) {
            throw new GeneralSecurityException("no key");
        }
        byte[] bytes = Base64.getMimeDecoder().decode(block.group(1));
        return (RSAPrivateKey) KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(bytes));
    }

    private static boolean isValid(X509Certificate certificate) {
        try {
            certificate.checkValidity();
            return true;
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private static boolean isSignedBy(X509Certificate certificate, X509Certificate authority) {
        try {
            certificate.verify(authority.getPublicKey());
            return true;
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /** As the other nodes will check it (RFC 2818). */
    private static boolean names(X509Certificate certificate, String host) {
        Collection<List<?>> names;
        try {
            names = certificate.getSubjectAlternativeNames();
        } catch (GeneralSecurityException e) {
            return false;
        }
        boolean isAddress = ADDRESS.matcher(host).matches();
        return names != null
                && names.stream()
                        .filter(name -> name.get(0).equals(isAddress ? IP_ADDRESS : DNS_NAME))
                        .map(name -> name.get(1).toString())
                        .anyMatch(name -> isAddress ? isSameAddress(name, host) : matches(name, host));
    }

    private static boolean isSameAddress(String one, String other) {
        try {
            // Both are written as numbers: nothing is looked up.
            return InetAddress.getByName(one).equals(InetAddress.getByName(other));
        } catch (UnknownHostException e) {
            return false;
        }
    }

    private static boolean matches(String name, String host) {
        String pattern = name.toLowerCase(Locale.ROOT);
        String lower = host.toLowerCase(Locale.ROOT);
        int firstDot = lower.indexOf('.');
        return pattern.equals(lower)
                || (pattern.startsWith("*.")
                        && firstDot > 0
                        && pattern.substring(1).equals(lower.substring(firstDot)));
    }
}
