/*
 * Compiles compute shaders (SPIR-V, entry point "main") on the Vulkan device that the environment names and prints
 * what the driver says of each as one line of JSON: {"file", "driver", "wave",
 * "statistics": {...}, "assembly"}. Owns no judgement.
 * Usage: compile-radv FILE.spv ...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { BINDINGS = 16, MOST_STATISTICS = 64, MOST_TEXTS = 8 };

static void check(VkResult result, const char *what) {
  if (result == VK_SUCCESS || result == VK_INCOMPLETE) return;
  fprintf(stderr, "%s failed with %d\n", what, result);
  exit(1);
}

static void print_text(const char *text, size_t size) {
  putchar('"');
  for (size_t i = 0; i < size && text[i] != '\0'; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c < 0x20) printf("\\u%04x", c);
    else putchar(c);
  }
  putchar('"');
}

static VkPhysicalDevice find_gpu(VkInstance instance) {
  uint32_t count = 1;
  VkPhysicalDevice gpu = VK_NULL_HANDLE;
  check(vkEnumeratePhysicalDevices(instance, &count, &gpu), "The search for a Vulkan device");
  if (count > 0) return gpu;
  fprintf(stderr, "Vulkan found no device\n");
  exit(1);
}

static VkDevice open_device(VkPhysicalDevice gpu) {
  /* What Dawn asks for and the SPIR-V of Tint needs; no queue, since nothing runs. */
  const char *extensions[] = {VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME,
                              VK_EXT_ROBUSTNESS_2_EXTENSION_NAME};
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executables = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
      .pipelineExecutableInfo = VK_TRUE};
  VkPhysicalDeviceRobustness2FeaturesEXT robustness = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT,
      .pNext = &executables,
      .robustBufferAccess2 = VK_TRUE};
  VkPhysicalDeviceVulkan11Features storage = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
      .pNext = &robustness,
      .storageBuffer16BitAccess = VK_TRUE};
  VkPhysicalDeviceVulkan12Features core = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
      .pNext = &storage,
      .shaderFloat16 = VK_TRUE,
      .vulkanMemoryModel = VK_TRUE,
      .vulkanMemoryModelDeviceScope = VK_TRUE};
  VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                        .pNext = &core,
                                        .features = {.robustBufferAccess = VK_TRUE}};
  VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                             .pNext = &features,
                             .enabledExtensionCount = 2,
                             .ppEnabledExtensionNames = extensions};
  VkDevice device;
  check(vkCreateDevice(gpu, &info, NULL, &device), "Opening the device");
  return device;
}

static VkPipelineLayout make_layout(VkDevice device) {
  VkDescriptorSetLayoutBinding bindings[BINDINGS];
  for (uint32_t i = 0; i < BINDINGS; i++) {
    bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                 .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                 .descriptorCount = 1,
                                                 .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
  }
  VkDescriptorSetLayoutCreateInfo set_info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                              .bindingCount = BINDINGS,
                                              .pBindings = bindings};
  VkDescriptorSetLayout set;
  check(vkCreateDescriptorSetLayout(device, &set_info, NULL, &set), "The layout of the bindings");
  VkPipelineLayoutCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = &set};
  VkPipelineLayout layout;
  check(vkCreatePipelineLayout(device, &info, NULL, &layout), "The layout of the pipelines");
  return layout;
}

static VkPipeline compile(VkDevice device, VkPipelineLayout layout, const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  uint32_t *words = malloc(size);
  if (words == NULL || fread(words, 1, size, file) != size) {
    fprintf(stderr, "%s cannot be read\n", path);
    exit(1);
  }
  fclose(file);
  VkShaderModuleCreateInfo module_info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = size, .pCode = words};
  VkShaderModule module;
  check(vkCreateShaderModule(device, &module_info, NULL, &module), path);
  VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
               VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main"},
      .layout = layout};
  VkPipeline pipeline;
  check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, &pipeline), path);
  vkDestroyShaderModule(device, module, NULL);
  free(words);
  return pipeline;
}

static void print_statistics(VkDevice device, const VkPipelineExecutableInfoKHR *executable) {
  PFN_vkGetPipelineExecutableStatisticsKHR get =
      (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(device, "vkGetPipelineExecutableStatisticsKHR");
  VkPipelineExecutableStatisticKHR found[MOST_STATISTICS];
  for (int i = 0; i < MOST_STATISTICS; i++)
    found[i] = (VkPipelineExecutableStatisticKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
  uint32_t count = MOST_STATISTICS;
  check(get(device, executable, &count, found), "Reading the statistics");
  printf(",\"statistics\":{");
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) putchar(',');
    print_text(found[i].name, sizeof found[i].name);
    if (found[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR)
      printf(":%g", found[i].value.f64);
    else
      printf(":%llu", (unsigned long long)found[i].value.u64);
  }
  putchar('}');
}

static void print_assembly(VkDevice device, const VkPipelineExecutableInfoKHR *executable) {
  PFN_vkGetPipelineExecutableInternalRepresentationsKHR get =
      (PFN_vkGetPipelineExecutableInternalRepresentationsKHR)vkGetDeviceProcAddr(
          device, "vkGetPipelineExecutableInternalRepresentationsKHR");
  VkPipelineExecutableInternalRepresentationKHR texts[MOST_TEXTS];
  for (int i = 0; i < MOST_TEXTS; i++)
    texts[i] = (VkPipelineExecutableInternalRepresentationKHR){
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR};
  uint32_t count = MOST_TEXTS;
  check(get(device, executable, &count, texts), "Measuring the assembly");
  for (uint32_t i = 0; i < count; i++) texts[i].pData = malloc(texts[i].dataSize + 1);
  check(get(device, executable, &count, texts), "Reading the assembly");
  for (uint32_t i = 0; i < count; i++) {
    if (strcmp(texts[i].name, "Assembly") == 0) {
      printf(",\"assembly\":");
      print_text(texts[i].pData, texts[i].dataSize);
    }
    free(texts[i].pData);
  }
}

int main(int argc, char **argv) {
  VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
  VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &application};
  VkInstance instance;
  check(vkCreateInstance(&info, NULL, &instance), "Starting Vulkan");
  VkPhysicalDevice gpu = find_gpu(instance);
  VkPhysicalDeviceDriverProperties driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceProperties2 about = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &driver};
  vkGetPhysicalDeviceProperties2(gpu, &about);
  VkDevice device = open_device(gpu);
  VkPipelineLayout layout = make_layout(device);
  PFN_vkGetPipelineExecutablePropertiesKHR get_properties =
      (PFN_vkGetPipelineExecutablePropertiesKHR)vkGetDeviceProcAddr(device, "vkGetPipelineExecutablePropertiesKHR");
  for (int i = 1; i < argc; i++) {
    VkPipeline pipeline = compile(device, layout, argv[i]);
    VkPipelineInfoKHR of = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    VkPipelineExecutablePropertiesKHR properties = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    uint32_t count = 1;
    check(get_properties(device, &of, &count, &properties), "Reading the properties");
    VkPipelineExecutableInfoKHR executable = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                              .pipeline = pipeline};
    printf("{\"file\":");
    print_text(argv[i], strlen(argv[i]));
    printf(",\"driver\":");
    print_text(driver.driverInfo, sizeof driver.driverInfo);
    printf(",\"wave\":%u", properties.subgroupSize);
    print_statistics(device, &executable);
    print_assembly(device, &executable);
    printf("}\n");
    vkDestroyPipeline(device, pipeline, NULL);
  }
  return 0;
}
