package test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// timeout is for what is expected to happen soon.
const timeout = time.Minute

const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: Metadata, omitStages: [RequestReceived]}]
`

func TestControlPlane(t *testing.T) {
	dir := t.TempDir()
	policy, auditLog := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.log")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, filepath.Join(dir, "cluster"), "--", "--audit-policy-file="+policy, "--audit-log-path="+auditLog)
	client := clientOf(t, p.kubeconfig)

	t.Run("calls itself by its version", func(t *testing.T) {
		version, err := client.Discovery().ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if want := requiredVersion(t, "k8s.io/kubernetes"); version.GitVersion != want {
			t.Errorf("%s, want %s", version.GitVersion, want)
		}
	})
	t.Run("is ready when it says so", func(t *testing.T) {
		if err := client.RESTClient().Get().AbsPath("/readyz").Do(t.Context()).Error(); err != nil {
			t.Error(err)
		}
		if _, err := client.RbacV1().ClusterRoles().Get(t.Context(), "cluster-admin", metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("has an operator without rights of its own", func(t *testing.T) {
		testOperator(t, clientOf(t, filepath.Join(filepath.Dir(p.kubeconfig), "operator.kubeconfig")))
	})
	t.Run("gives a namespace its default service account and deletes it with its content", func(t *testing.T) {
		testNamespace(t, client)
	})
	t.Run("collects what an owner of a kind installed later leaves", func(t *testing.T) {
		config := configOf(t, p.kubeconfig)
		testGarbage(t, client, apiextensions.NewForConfigOrDie(config), dynamic.NewForConfigOrDie(config))
	})
	p.terminate(t)
	t.Run("ran its controllers as their service accounts", func(t *testing.T) {
		testControllerIdentities(t, readAudit(t, auditLog))
	})
}

func testOperator(t *testing.T, client *kubernetes.Clientset) {
	review, err := client.AuthenticationV1().SelfSubjectReviews().
		Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if name := review.Status.UserInfo.Username; name != "system:serviceaccount:roster-system:roster-operator" {
		t.Errorf("it is %s", name)
	}
	_, err = client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("listing namespaces: %v, want forbidden", err)
	}
}

func testNamespace(t *testing.T, client *kubernetes.Clientset) {
	createNamespace(t, client, "tenant")
	eventually(t, "the default service account", func(ctx context.Context) bool {
		_, err := client.CoreV1().ServiceAccounts("tenant").Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
	createConfigMap(t, client, "tenant", metav1.ObjectMeta{Name: "content"})
	if err := client.CoreV1().Namespaces().Delete(t.Context(), "tenant", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the namespace", func(ctx context.Context) bool {
		_, err := client.CoreV1().Namespaces().Get(ctx, "tenant", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func testGarbage(
	t *testing.T, client *kubernetes.Clientset, extensions *apiextensions.Clientset, dynamic *dynamic.DynamicClient,
) {
	_, err := extensions.ApiextensionsV1().CustomResourceDefinitions().
		Create(t.Context(), widgetDefinition(), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	createNamespace(t, client, "garbage")
	widgets := dynamic.Resource(schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}).
		Namespace("garbage")
	owner := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"name": "owner"},
	}}
	eventually(t, "the new kind", func(ctx context.Context) bool {
		created, err := widgets.Create(ctx, owner, metav1.CreateOptions{})
		if err == nil {
			owner = created
		}
		return err == nil
	})
	reference := metav1.OwnerReference{APIVersion: "example.com/v1", Kind: "Widget", Name: "owner", UID: owner.GetUID()}
	createConfigMap(t, client, "garbage", metav1.ObjectMeta{
		Name: "owned", OwnerReferences: []metav1.OwnerReference{reference},
	})
	createConfigMap(t, client, "garbage", metav1.ObjectMeta{Name: "free"})

	if err := widgets.Delete(t.Context(), "owner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of what was owned", func(ctx context.Context) bool {
		_, err := client.CoreV1().ConfigMaps("garbage").Get(ctx, "owned", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	if _, err := client.CoreV1().ConfigMaps("garbage").Get(t.Context(), "free", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

func widgetDefinition() *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "example.com",
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Kind: "Widget"},
			Scope: apiextensionsv1.NamespaceScoped,
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{
					OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"},
				},
			}},
		},
	}
}

func testControllerIdentities(t *testing.T, events []auditv1.Event) {
	seen := map[string]bool{}
	for _, event := range events {
		account, isController := strings.CutPrefix(event.User.Username, "system:serviceaccount:kube-system:")
		if isController && event.ObjectRef != nil {
			seen[account+" "+event.Verb+" "+event.ObjectRef.Resource] = true
			if event.ResponseStatus.Code == 403 {
				t.Errorf("%s was refused: %s %s", account, event.Verb, event.RequestURI)
			}
		}
	}
	for _, want := range []string{
		"generic-garbage-collector delete configmaps",
		"namespace-controller deletecollection configmaps",
		"namespace-controller update namespaces",
		"service-account-controller create serviceaccounts",
	} {
		if !seen[want] {
			t.Errorf("not in the audit log: %s", want)
		}
	}
}

func readAudit(t *testing.T, path string) (events []auditv1.Event) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var event auditv1.Event
		if err := json.Unmarshal(scanner.Bytes(), &event); err != nil {
			t.Fatal(err)
		}
		events = append(events, event)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

// requiredVersion is the version of a module that go.mod requires.
func requiredVersion(t *testing.T, module string) string {
	t.Helper()
	line := regexp.MustCompile(`\n\s*` + regexp.QuoteMeta(module) + ` (v\S+)\n`)
	match := line.FindStringSubmatch(readFile(t, "../go.mod"))
	if match == nil {
		t.Fatalf("go.mod does not require %s", module)
	}
	return match[1]
}

func createNamespace(t *testing.T, client *kubernetes.Clientset, name string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func createConfigMap(t *testing.T, client *kubernetes.Clientset, namespace string, meta metav1.ObjectMeta) {
	t.Helper()
	object := &corev1.ConfigMap{ObjectMeta: meta}
	if _, err := client.CoreV1().ConfigMaps(namespace).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the condition is met.
func eventually(t *testing.T, what string, condition func(context.Context) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, timeout, true,
		func(ctx context.Context) (bool, error) { return condition(ctx), nil })
	if err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}
