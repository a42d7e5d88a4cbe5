package sources;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.env.ConfigurableEnvironment;

/** What Spring Boot reads in the working directory, the environment and its arguments: one line for each key of SOURCES_KEYS. */
public final class Sources {

  private Sources() {}

  public static void main(String[] args) {
    SpringApplication application = new SpringApplication(Sources.class);
    application.setBannerMode(Banner.Mode.OFF);
    application.setLogStartupInfo(false);
    application.setWebApplicationType(WebApplicationType.NONE);
    ConfigurableEnvironment environment = application.run(args).getEnvironment();
    System.out.println("profiles=" + String.join(",", environment.getActiveProfiles()));
    Binder binder = Binder.get(environment);
    for (String key : System.getenv("SOURCES_KEYS").split(",")) {
      binder.bind(key, Bindable.of(String.class)).ifBound(value -> System.out.println(key + "=" + value));
    }
    String list = System.getenv("SOURCES_LIST");
    List<String> items = binder.bind(list, Bindable.listOf(String.class)).orElse(List.of());
    System.out.println(list + "=" + String.join(",", items));
    String map = System.getenv("SOURCES_MAP");
    Map<String, String> entries = binder.bind(map, Bindable.mapOf(String.class, String.class)).orElse(Map.of());
    new TreeMap<>(entries).forEach((name, value) -> System.out.println(map + "." + name + "=" + value));
  }
}
