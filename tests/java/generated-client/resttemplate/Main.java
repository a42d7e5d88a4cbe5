import java.util.List;
import org.openapitools.client.ApiClient;
import org.openapitools.client.api.MessagesApi;
import org.openapitools.client.model.*;
import org.springframework.web.client.HttpStatusCodeException;

/** The same with RestTemplate, where a message is one of the interfaces that openapi-generator makes with `useOneOfInterfaces`. */
public class Main {
  private static final String GUID = "java-guid";
  private static final String PERSON = "S:7881301000000001";

  public static void main(String[] arguments) {
    MessagesApi messages = new MessagesApi(new ApiClient().setBasePath(arguments[0]));

    SendText text = new SendText().guid(GUID).conversationId(PERSON).content("你好");
    SendResult sent = messages.sendMessage(text, null, null, null).getData();
    say("sent", sent.getSuccess());
    MessageAnswer whole = messages.getMessage(sent.getMessageId(), null).getData();
    say("content", whole.getContent().getMessageType(), whole.getContent().getContent());

    SendMixed mixed = new SendMixed().guid(GUID).conversationId(PERSON).addPartsItem(new TextContent().content("one"))
        .addPartsItem(new LinkContent().linkTitle("two").linkUrl("https://files.example/two"));
    say("mixed", messages.sendMessage(mixed, null, null, null).getData().getParts().size());

    BatchRequest batch = new BatchRequest().messages(List.of(text, text));
    say("batch", messages.sendBatch(batch, null, null).getData().getAccepted());

    try {
      messages.sendMessage(new SendText().guid(GUID).conversationId("nobody").content(""), null, null, null);
    } catch (HttpStatusCodeException error) {
      say("refused", error.getStatusCode().value(), error.getResponseBodyAsString().contains("conversationId"));
    }
  }

  private static void say(String name, Object... values) {
    System.out.println(name + " " + java.util.Arrays.asList(values));
  }
}
