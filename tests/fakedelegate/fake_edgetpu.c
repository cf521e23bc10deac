/* A stand-in for libedgetpu: a TFLite external delegate that takes every "edgetpu-custom-op" node, so that real _edgetpu.tflite files run
   without the device, and that fails in each way the real one is known to fail.

   Options (all strings):
     answer   number of the output element that it sets to its highest value, all others to the lowest; default 1
     trouble  absent       there is no device
              abort-load   abort while loading, as a library with another layout of its structures does
              refuse       the graph is refused
              error        an inference fails, and so does each that follows
              hang         an inference never ends
              abort        an inference aborts the process
              segfault     an inference reads from nowhere
     at       the first inference with trouble, counted from 0; default 0
     while    the trouble is there only while this file is

   The structures are those of tensorflow/lite/core/c/common.h, as far as they are used; opaque otherwise. */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, ERROR = 1, ALLOW_DYNAMIC_TENSORS = 1, INT8 = 9, FLOAT32 = 1 };

typedef struct { int size; int data[]; } IntArray;
typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct {
  int type;
  void *data;
  IntArray *dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  Delegate *delegate;
  int buffer_handle;
  bool data_is_stale, is_variable;
  struct { int type; void *params; } quantization;
  void *sparsity;
  const IntArray *dims_signature;
} Tensor;

typedef struct {
  IntArray *inputs, *outputs, *intermediates, *temporaries;
  void *user_data, *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  Delegate *delegate;
  bool might_have_side_effect;
} Node;

typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external, *async_kernel;
  uint64_t inplace_operator;
} Registration;

struct Context {
  size_t tensors_size;
  int (*GetExecutionPlan)(Context *, IntArray **);
  Tensor *tensors;
  void *impl;
  int (*ResizeTensor)(Context *, Tensor *, IntArray *);
  void (*ReportError)(Context *, const char *, ...);
  int (*AddTensors)(Context *, int, int *);
  int (*GetNodeAndRegistration)(Context *, int, Node **, Registration **);
  int (*ReplaceNodeSubsetsWithDelegateKernels)(Context *, Registration, const IntArray *, Delegate *);
};

struct Delegate {
  void *data;
  int (*Prepare)(Context *, Delegate *);
  void *CopyFromBufferHandle, *CopyToBufferHandle, *FreeBufferHandle;
  int64_t flags;
  void *opaque_delegate_builder;
};

/* One delegate a process is all that its users make. */
static struct {
  char trouble[32];
  char while_file[512];
  long at, calls;
  size_t answer;
} fake;

static bool has_trouble(const char *kind) {
  return !strcmp(fake.trouble, kind) && (!fake.while_file[0] || access(fake.while_file, F_OK) == 0);
}

static void *init(Context *context, const char *buffer, size_t length) {
  (void)context, (void)buffer, (void)length;
  return &fake;
}

static void release(Context *context, void *data) { (void)context, (void)data; }

static int prepare_node(Context *context, Node *node) {
  (void)context, (void)node;
  return OK;
}

static int get_into_trouble(Context *context) {
  if (has_trouble("error")) {
    context->ReportError(context, "fake edgetpu: USB transfer error");
    return ERROR;
  }
  while (has_trouble("hang")) sleep(1);
  if (has_trouble("abort")) abort();
  if (has_trouble("segfault")) raise(SIGSEGV);
  return OK;
}

static void write_answer(Tensor *tensor) {
  memset(tensor->data, tensor->type == INT8 ? -128 : 0, tensor->bytes);
  if (tensor->type == FLOAT32) {
    if (fake.answer < tensor->bytes / sizeof(float)) ((float *)tensor->data)[fake.answer] = 1.0f;
  } else if (fake.answer < tensor->bytes) {
    ((uint8_t *)tensor->data)[fake.answer] = tensor->type == INT8 ? 127 : 255;
  }
}

static int invoke(Context *context, Node *node) {
  if (fake.calls++ >= fake.at && get_into_trouble(context) != OK) return ERROR;
  for (int i = 0; i < node->outputs->size; i++) write_answer(&context->tensors[node->outputs->data[i]]);
  return OK;
}

static int take_nodes(Context *context, Delegate *delegate, const IntArray *plan, IntArray *taken) {
  for (int i = 0; i < plan->size; i++) {
    Node *node;
    Registration *registration;
    if (context->GetNodeAndRegistration(context, plan->data[i], &node, &registration) != OK) return ERROR;
    if (registration->custom_name && !strcmp(registration->custom_name, "edgetpu-custom-op"))
      taken->data[taken->size++] = plan->data[i];
  }
  Registration kernel = {.init = init, .free = release, .prepare = prepare_node, .invoke = invoke,
                         .custom_name = "FakeEdgeTpu", .version = 1};
  return taken->size ? context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, taken, delegate) : OK;
}

static int prepare(Context *context, Delegate *delegate) {
  if (has_trouble("refuse")) {
    context->ReportError(context, "fake edgetpu: graph refused");
    return ERROR;
  }
  IntArray *plan;
  if (context->GetExecutionPlan(context, &plan) != OK) return ERROR;
  /* A copy: the runtime reuses the plan's memory when nodes are asked for. */
  size_t bytes = sizeof(IntArray) + (size_t)plan->size * sizeof(int);
  IntArray *copy = malloc(bytes), *taken = calloc(1, bytes);
  if (!copy || !taken) abort();
  memcpy(copy, plan, bytes);
  int status = take_nodes(context, delegate, copy, taken);
  free(copy);
  free(taken);
  return status;
}

static void read_option(const char *key, const char *value) {
  if (!strcmp(key, "trouble")) strncpy(fake.trouble, value, sizeof fake.trouble - 1);
  if (!strcmp(key, "while")) strncpy(fake.while_file, value, sizeof fake.while_file - 1);
  if (!strcmp(key, "at")) fake.at = atol(value);
  if (!strcmp(key, "answer")) fake.answer = (size_t)atol(value);
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  memset(&fake, 0, sizeof fake);
  fake.answer = 1;
  for (size_t i = 0; i < count; i++) read_option(keys[i], values[i]);
  if (has_trouble("abort-load")) abort();
  if (has_trouble("absent")) {
    if (report) report("fake edgetpu: no device");
    return NULL;
  }
  Delegate *delegate = calloc(1, sizeof *delegate);
  if (!delegate) return NULL;
  delegate->Prepare = prepare;
  /* Without it the runtime prepares every node before this delegate is asked, and finds no such op. */
  delegate->flags = ALLOW_DYNAMIC_TENSORS;
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }

const char *edgetpu_version(void) { return "fake edgetpu 1"; }
