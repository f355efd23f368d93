package dev.sluice.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigObject;
import java.io.File;
import java.net.URL;

/** What a text from elsewhere may include: the bundled experiments, and nothing of this machine or its network. */
final class BundledIncludes implements ConfigIncluder, ConfigIncluderFile, ConfigIncluderURL, ConfigIncluderClasspath {
    @Override
    public ConfigIncluder withFallback(ConfigIncluder fallback) {
        // The fallback includes whatever it is told.
        return this;
    }

    @Override
    public ConfigObject include(ConfigIncludeContext context, String what) {
        throw refused(what);
    }

    @Override
    public ConfigObject includeFile(ConfigIncludeContext context, File what) {
        throw refused(what.toString());
    }

    @Override
    public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
        throw refused(what.toString());
    }

    @Override
    public ConfigObject includeResources(ConfigIncludeContext context, String what) {
        if (SettingsReader.EXPERIMENTS.stream().noneMatch(name -> what.equals("experiments/" + name + ".conf"))) {
            throw refused(what);
        }
        return SettingsReader.resource(what).root();
    }

    private static ConfigException refused(String what) {
        return new ConfigException.Generic("a submitted experiment may include"
                + " classpath(\"experiments/NAME.conf\") of a bundled one, not " + what
                + "; write what is there into the text, as ./sluice submit does");
    }
}
